/** A small form body, as it was sent. */
import type { Context } from 'koa'
import { Failure } from '../errors/failure.ts'

const longestForm = 16_384

/** @throws Failure `form_invalid` (invalid) for another content type or a form that no URL can hold */
export async function readForm(ctx: Context): Promise<string> {
  if (!ctx.is('application/x-www-form-urlencoded')) {
    throw new Failure('form_invalid', 'invalid', 'Send the parameters as application/x-www-form-urlencoded.')
  }
  const parsed = (ctx.request as { rawBody?: unknown }).rawBody
  if (typeof parsed === 'string') return new URLSearchParams(parsed).toString()
  let body = ''
  for await (const chunk of ctx.req.setEncoding('utf8')) {
    body += chunk
    if (body.length > longestForm) throw new Failure('form_invalid', 'invalid', 'The form is too large.')
  }
  return new URLSearchParams(body).toString()
}
