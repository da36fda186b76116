/**
 * The form with the code of a device. The engine asks "is this your device?" before it knows who answers, and for
 * consent after that. Here both questions are one page, which stands behind the sign-in: `interaction-policy.ts` asks
 * it. So a code that was typed counts as confirmed for the engine, and nothing is decided by it yet.
 */
import type { Context } from 'koa'
import { readForm } from './form-body.ts'

export const isDeviceForm = (ctx: Context): boolean => ctx.method === 'POST' && ctx.path === '/device'

/** The engine then finds the form as if it had been posted so. */
export async function askOnlyOnce(ctx: Context): Promise<void> {
  if (!ctx.is('application/x-www-form-urlencoded')) return
  const fields = new URLSearchParams(await readForm(ctx))
  fields.delete('abort')
  fields.delete('confirm')
  if (fields.get('user_code')) fields.set('confirm', 'yes')
  const body = Buffer.from(fields.toString())
  ctx.req.headers['content-length'] = String(body.length)
  // As `web` passes on what it has read: the engine reads only streams that say they are readable.
  Object.defineProperties(ctx.req, {
    readable: { configurable: true, value: true },
    iterator: { configurable: true, value: () => once(body) },
  })
}

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body
}
