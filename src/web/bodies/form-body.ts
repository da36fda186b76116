/** Reads posted forms for Claviger's pages and for the engine. Large, incomplete and malformed bodies are refused. */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { HttpRefusal } from '../routing/http-refusal.ts'
import { isDecodable } from '../server/gate.ts'

export const longestBody = 56 * 1024
const formType = 'application/x-www-form-urlencoded'

export type FormFields = ReadonlyMap<string, string>

/** Reads a form and checks its UTF-8 and its percent-encoding. @throws HttpRefusal 400, 413 */
export async function readFormBody(request: IncomingMessage): Promise<Buffer> {
  const body = await readBody(request)
  if (body.includes('%') && !isDecodable(body.toString('utf8')))
    throw new HttpRefusal(400, 'The request body is not well-formed.')
  return body
}

/** Reads a text body of any type and checks its UTF-8. @throws HttpRefusal 400, 413 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  refuseLength(request.headers['content-length'])
  const body = await gathered(request)
  if (!isUtf8(body) || body.includes(0)) throw new HttpRefusal(400, 'The request body is not well-formed UTF-8.')
  return body
}

/** Uses stream events: an async iterator would cost a token request as much as the rest of this file. */
function gathered(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    request
      .on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length <= longestBody) chunks.push(chunk)
        else {
          request.pause()
          reject(tooLarge())
        }
      })
      .on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)))
      .on('error', reject)
  })
}

function refuseLength(header: string | undefined): void {
  if (header !== undefined && Number(header) > longestBody) throw tooLarge()
}

// The rest of an oversize body is not read, so the connection cannot be used again.
const tooLarge = () => new HttpRefusal(413, 'The request body is too large.', { Connection: 'close' })

export const isForm = (ctx: Context): boolean => {
  const type = ctx.headers['content-type']
  return type !== undefined && (type === formType || type.startsWith(`${formType};`) || ctx.is(formType) !== false)
}

/** Reads the fields of a form posted to one of Claviger's pages. @throws HttpRefusal 400 (also for a field sent twice), 413, 415 */
export async function readForm(ctx: Context): Promise<FormFields> {
  if (!isForm(ctx)) throw new HttpRefusal(415, `Only ${formType} is accepted here.`)
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams((await readFormBody(ctx.req)).toString('utf8'))) {
    if (fields.has(name)) throw new HttpRefusal(400, 'A field was sent twice.')
    fields.set(name, value)
  }
  return fields
}

/** Checks a form before the engine reads it, then puts the body back into the request for the engine. */
export async function passFormOn(ctx: Context): Promise<void> {
  if (ctx.method !== 'POST') return
  refuseLength(ctx.headers['content-length'])
  if (!isForm(ctx)) return
  const body = await readFormBody(ctx.req)
  // The engine reads only streams with `readable` set. Node clears it once a stream has been read.
  Object.defineProperties(ctx.req, {
    readable: { configurable: true, value: true },
    iterator: { configurable: true, value: () => once(body) },
  })
}

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body
}
