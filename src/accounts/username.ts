/** The name that apps get as `preferred_username` (OpenID Connect Core §5.1). A person cannot sign in with it. */
import { z } from 'zod'

const longest = 64

/** One word without an @, so that it never reads as an address. */
export const username = z
  .string({ error: 'must be text' })
  .transform((text) => text.normalize('NFKC').trim())
  .refine((text) => /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}._-]*$/u.test(text) && text.length <= longest, {
    error: `must be 1 to ${longest} letters, digits, ".", "_" or "-", beginning with a letter, digit or "_"`,
  })

/** Replaces a missing username: the local part of the address. */
export const localPartOf = (email: string): string => email.slice(0, Math.max(0, email.lastIndexOf('@'))) || email
