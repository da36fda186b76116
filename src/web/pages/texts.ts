/** The texts of the pages: one file for each language under `views/locales/`. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Language {
  /** BCP 47. */
  locale: string
  dir: 'ltr' | 'rtl'
  /** The name of the language in that language. */
  name: string
  /** @returns the text under `key`, with each `{name}` replaced by its value. A missing key is a bug and throws. */
  text(key: string, values?: Readonly<Record<string, string | number>>): string
  has(key: string): boolean
  /** `30 seconds`, `2 minutes`: rounded up. */
  duration(seconds: number): string
  /** `28 November 2026` */
  date(moment: Date): string
  /** `name and profile, email address, phone number` */
  joined(words: readonly string[]): string
}

export interface Texts {
  locales: readonly string[]
  fallback: Language
  /** @param locale one of `locales` */
  in(locale: string): Language
}

export function loadTexts(folder: string, fallback = 'en'): Texts {
  const names = readdirSync(folder).filter((file) => file.endsWith('.json'))
  const languages = new Map(
    names.map((file) => {
      const locale = file.replace('.json', '')
      return [locale, createLanguage(locale, JSON.parse(readFileSync(join(folder, file), 'utf8')))]
    }),
  )
  const standard = languages.get(fallback)
  if (!standard) throw new Error(`${folder} has no ${fallback}.json`)
  const rest = [...languages.keys()].filter((locale) => locale !== fallback).sort()
  return { locales: [fallback, ...rest], fallback: standard, in: (locale) => languages.get(locale) ?? standard }
}

function createLanguage(locale: string, entries: Record<string, string>): Language {
  const texts = new Map(Object.entries(entries))
  const text = (key: string, values: Readonly<Record<string, string | number>> = {}): string => {
    const found = texts.get(key)
    if (found === undefined) throw new Error(`${locale}.json has no text "${key}"`)
    return found.replace(/\{(\w+)\}/g, (whole, name: string) =>
      Object.hasOwn(values, name) ? unmarked(values[name]) : whole,
    )
  }
  return {
    locale,
    dir: texts.get('language.dir') === 'rtl' ? 'rtl' : 'ltr',
    name: text('language.name'),
    text,
    has: (key) => texts.has(key),
    duration: (seconds) => inWords(locale, seconds),
    date: (moment) => new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(moment),
    joined: (words) => new Intl.ListFormat(locale, { type: 'unit' }).format(words),
  }
}

/** Removes control characters and marks that change the text direction, so that a name cannot rearrange its sentence. */
export const unmarked = (value: unknown): string => String(value).replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '')

function inWords(locale: string, seconds: number): string {
  const [value, unit] =
    seconds < 60
      ? [Math.max(1, Math.ceil(seconds)), 'second']
      : seconds < 3600
        ? [Math.ceil(seconds / 60), 'minute']
        : [Math.ceil(seconds / 3600), 'hour']
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
}
