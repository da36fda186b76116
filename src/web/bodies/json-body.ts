import type { Context } from 'koa'
import { HttpRefusal } from '../routing/http-refusal.ts'
import { readBody } from './form-body.ts'

/** Reads a JSON body. The value may be of any JSON type. @throws HttpRefusal 400, 413, 415 */
export async function readJson(ctx: Context): Promise<unknown> {
  if (!ctx.is('application/json')) throw new HttpRefusal(415, 'Only application/json is accepted here.')
  const text = (await readBody(ctx.req)).toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    throw new HttpRefusal(400, 'The request body is not well-formed JSON.')
  }
}
