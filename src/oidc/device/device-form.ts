/**
 * The form in which a person types the code of a device. The engine asks "is this your device?" before the person signs
 * in, and asks for consent afterwards. Claviger asks both questions on one page after the sign-in
 * (`interaction-policy.ts`). So the engine gets each typed code as confirmed, and the person still decides on that
 * page.
 */
import type { Context } from 'koa'
import { readForm } from '../engine/form-body.ts'

export const isDeviceForm = (ctx: Context): boolean => ctx.method === 'POST' && ctx.path === '/device'

/** Marks the typed code as confirmed, so that the engine skips its own question. */
export async function confirmTypedCode(ctx: Context): Promise<void> {
  if (!ctx.is('application/x-www-form-urlencoded')) return
  const fields = new URLSearchParams(await readForm(ctx))
  fields.delete('abort')
  fields.delete('confirm')
  if (fields.get('user_code')) fields.set('confirm', 'yes')
  const body = Buffer.from(fields.toString())
  ctx.req.headers['content-length'] = String(body.length)
  // `web` passes on a body that it has read in the same way: the engine reads only streams that are marked readable.
  Object.defineProperties(ctx.req, {
    readable: { configurable: true, value: true },
    iterator: { configurable: true, value: () => once(body) },
  })
}

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body
}
