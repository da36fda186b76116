/** Inputs that several operations share. */
import { z } from 'zod'

/** An account id of `newAccountId`, or an imported one. */
export const accountId = z.string().regex(/^[\x21-\x7e]{1,255}$/, { error: 'must be an account id' })

export const clientId = z.string().min(1).max(255)

/** A PHC string. Callers hash before they perform an operation, so that no transaction waits for a hash. */
export const passwordHash = z.string().regex(/^\$[a-z0-9-]+\$/, { error: 'must be a PHC string' })

/** An object that its room checks, with every fault named. */
export const checkedByItsRoom = <Value>() =>
  z.custom<Value>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: 'must be an object',
  })
