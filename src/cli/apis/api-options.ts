/** The options that adding and changing an API share. */
import type { Command } from 'commander'
import { quoted } from '../../events/plain-text.ts'
import { collect } from '../option-values.ts'
import { wrongUsage } from '../usage.ts'

export const withTexts = (command: Command): Command =>
  command
    .option('--name <name>', 'display name on the consent page')
    .option(
      '--scope-text <scope=text>',
      "text of a scope on the consent page, such as 'orders:read=Read your orders' (repeat for more)",
      collect,
    )

/** A scope may contain `=`, so the longest matching scope is taken. @throws Failure `scope_text_malformed`. */
export function scopeTextsOf(texts: readonly string[], scopes: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((given) => splitText(given, scopes)))
}

function splitText(given: string, scopes: readonly string[]): [string, string] {
  const [known] = scopes.filter((scope) => given.startsWith(`${scope}=`)).sort((a, b) => b.length - a.length)
  const end = known?.length ?? given.indexOf('=')
  if (end > 0) return [given.slice(0, end), given.slice(end + 1)]
  throw wrongUsage(
    'scope_text_malformed',
    `The scope text ${quoted(given)} names no scope: write 'scope=text', such as 'orders:read=Read your orders'.`,
  )
}
