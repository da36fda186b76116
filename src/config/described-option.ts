/** An option as a person may see it. */
import type { Option } from './option.ts'
import type { Source } from './source.ts'

export interface DescribedOption {
  env: string
  /** Secrets masked; undefined when there is no value. */
  value: string | undefined
  from: 'environment' | 'file' | 'default'
  /** The variable that set the value, when it is not `env` itself, and the file that it names. */
  by: string | undefined
  doc: string
}

/** @param decided the value, when it is derived from other options */
export function describeOption(option: Option<unknown>, source: Source | undefined, decided?: string): DescribedOption {
  const text = source?.text
  return {
    env: option.env,
    value: text === undefined ? (decided ?? option.defaultDoc) : mask(option, text) || option.defaultDoc,
    from: source?.from ?? 'default',
    by: source && source.env !== option.env ? [source.env, source.file].filter(Boolean).join('=') : undefined,
    doc: option.doc,
  }
}

function mask(option: Option<unknown>, text: string): string {
  if (option.secret === undefined) return text
  if (option.secret === 'all') return '********'
  const url = URL.parse(text)
  if (!url) return '********'
  if (url.password) url.password = '********'
  if (url.searchParams.has('password')) url.searchParams.set('password', '********')
  return url.href
}
