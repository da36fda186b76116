/**
 * The engine answers some requests with a page that submits itself (response_mode=form_post, a device code from a
 * link). `web`'s page replaces it, with its own headers and a button for browsers without JavaScript. The engine offers
 * no hook for this.
 */
import type { Context } from 'koa'

export interface FormPost {
  action: string
  fields: Record<string, string>
}

const entities: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&#x27;': "'",
}
const decode = (html: string) => html.replace(/&(?:amp|lt|gt|quot|#39|#x27);/g, (entity) => entities[entity] ?? entity)

/** The form in the engine's self-submitting page; undefined when the answer is something else. */
export function readFormPost(ctx: Context): FormPost | undefined {
  const html = ctx.body
  if (typeof html !== 'string' || !html.includes('document.forms[0].submit()')) return undefined
  const action = /<form method="post" action="([^"]*)">/.exec(html)?.[1]
  if (action === undefined) return undefined
  const inputs = html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"\/>/g)
  const fields = [...inputs].map(([, name = '', value = '']) => [decode(name), decode(value)] as const)
  return { action: decode(action), fields: Object.fromEntries(fields) }
}
