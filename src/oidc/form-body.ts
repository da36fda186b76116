/** A form as parameters of a URL. `web` has limited and checked the body before it comes here. */
import type { Context } from 'koa'
import { Failure } from '../errors/failure.ts'

/** @throws Failure `form_invalid` (invalid) for another content type */
export async function readForm(ctx: Context): Promise<string> {
  if (!ctx.is('application/x-www-form-urlencoded')) {
    throw new Failure('form_invalid', 'invalid', 'Send the parameters as application/x-www-form-urlencoded.')
  }
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer)
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8')).toString()
}
