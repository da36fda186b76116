/** Reads and changes form bodies. `web` has limited and checked the body before. */
import type { Context } from 'koa'
import { Failure } from '../../errors/failure.ts'

/** @throws Failure `form_invalid` (invalid) for another content type */
export async function readForm(ctx: Context): Promise<string> {
  if (!ctx.is('application/x-www-form-urlencoded')) {
    throw new Failure('form_invalid', 'invalid', 'Send the parameters as application/x-www-form-urlencoded.')
  }
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer)
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8')).toString()
}

export type FormFields = readonly (readonly [name: string, value: string])[]

const longestForm = 56 * 1024

/** Changes the fields of a form before the engine reads it. Another content type stays as it is. */
export async function changeForm(ctx: Context, change: (fields: FormFields) => FormFields): Promise<void> {
  if (!ctx.is('application/x-www-form-urlencoded')) return
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of ctx.req.iterator({ destroyOnReturn: false })) {
    length += (chunk as Buffer).length
    if (length > longestForm) break // the engine refuses such a body itself
    chunks.push(chunk as Buffer)
  }
  const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
  const changed = change([...form]).map(([name, value]): [string, string] => [name, value])
  const body = Buffer.from(new URLSearchParams(changed).toString())
  ctx.req.headers['content-length'] = String(body.length)
  Object.defineProperties(ctx.req, {
    readable: { configurable: true, value: true },
    iterator: { configurable: true, value: () => once(body) },
  })
}

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body
}
