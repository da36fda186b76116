import { z } from 'zod'
import type { ProfileClaims } from './account.ts'

const longest = 1000

/** One line that a page, a token or a log can show unchanged. */
export const plainLine = z
  .string({ error: 'must be text' })
  .trim()
  .min(1, { error: 'is empty; leave it out instead' })
  .max(longest, { error: `is longer than ${longest} characters` })
  .refine((text) => !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text), {
    error: 'holds control characters; give one plain line',
  })

const plainText = z
  .string({ error: 'must be text' })
  .max(longest, { error: `is longer than ${longest} characters` })
  .refine((text) => !/[\p{Cs}]|(?![\n\r])\p{Cc}/u.test(text), { error: 'holds control characters' })

const webAddress = plainLine.refine(isWebAddress, {
  error: 'must be a web address that begins with https:// or http://',
})

const address = z.strictObject(
  {
    formatted: plainText.optional(),
    street_address: plainText.optional(),
    locality: plainLine.optional(),
    region: plainLine.optional(),
    postal_code: plainLine.optional(),
    country: plainLine.optional(),
  },
  { error: unknownKeys },
)

/** The claims of OpenID Connect Core §5.1 that a person may have besides name and email. */
export const profileClaims = z.strictObject(
  {
    given_name: plainLine.optional(),
    family_name: plainLine.optional(),
    middle_name: plainLine.optional(),
    nickname: plainLine.optional(),
    preferred_username: plainLine.optional(),
    profile: webAddress.optional(),
    picture: webAddress.optional(),
    website: webAddress.optional(),
    gender: plainLine.optional(),
    birthdate: plainLine.refine(isBirthdate, { error: 'must be YYYY-MM-DD, or YYYY alone' }).optional(),
    zoneinfo: plainLine.refine(isTimeZone, { error: 'must be a time zone such as Europe/Paris' }).optional(),
    locale: plainLine.refine(isLocale, { error: 'must be a language tag such as en-US (BCP 47)' }).optional(),
    address: address.optional(),
    phone_number: plainLine
      .refine((text) => /^\+[1-9][0-9 ().-]{4,30}(;ext=[0-9]{1,8})?$/.test(text), {
        error: 'must be in E.164 form, such as +1 425 555 1212',
      })
      .optional(),
    phone_number_verified: z.boolean({ error: 'must be true or false' }).optional(),
  },
  { error: unknownKeys },
) satisfies z.ZodType<ProfileClaims>

/** The names of the claims; the members of the address as `address.locality`. */
export const profileClaimNames: readonly string[] = [
  ...Object.keys(profileClaims.shape),
  ...Object.keys(address.shape).map((member) => `address.${member}`),
]

/** For strict objects: the fault names the unknown member. */
export function unknownKeys(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') return `has no member ${(issue.keys ?? []).join(', ')}`
  return issue.code === 'invalid_type' ? 'must be an object' : undefined
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && ['https:', 'http:'].includes(new URL(text).protocol)
}

function isBirthdate(text: string): boolean {
  if (/^\d{4}$/.test(text)) return true
  // 0000-MM-DD hides the year (OpenID Connect Core §5.1). A leap year replaces it, so that 29 February is valid.
  const date = text.replace(/^0000/, '2000')
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return false
  const at = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(date)
}

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== ''
  } catch {
    return false // Intl throws for a zone that it does not know
  }
}

function isLocale(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text.replaceAll('_', '-')).length === 1
  } catch {
    return false // Intl throws for a malformed tag
  }
}
