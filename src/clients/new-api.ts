/** Makes an API from what an administrator says. */
import { Failure } from '../errors/failure.ts'
import { quoted } from '../events/plain-text.ts'
import { audienceFault } from './audience.ts'
import type { Api } from './client.ts'
import { isIdentityScope } from './identity-scopes.ts'
import { signingAlgs } from './signing-algs.ts'

export interface ApiInput {
  audience: string
  scopes?: readonly string[]
  ttlSeconds?: number | undefined
  alg?: string | undefined
}

/** An access token that lives longer than a day is a password by another name. */
export const longestTtlSeconds = 86_400

const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/

/** @throws Failure `api_invalid`, `detail.faults` has a sentence for each fault. */
export function newApi(input: ApiInput): Omit<Api, 'createdAt'> {
  const { audience, scopes = [], ttlSeconds, alg = 'ES256' } = input ?? {}
  const faults = [...audienceFaults(audience), ...scopeFaults(scopes), ...ttlFaults(ttlSeconds), ...algFaults(alg)]
  if (faults.length > 0) {
    throw new Failure('api_invalid', 'invalid', `This API cannot be accepted. ${faults.join(' ')}`, {
      detail: { faults },
    })
  }
  return { audience, scopes: [...scopes], ttlSeconds: ttlSeconds ?? undefined, alg }
}

function audienceFaults(audience: unknown): string[] {
  const fault = audienceFault(audience)
  return fault ? [`Audience ${quoted(audience)}: ${fault}.`] : []
}

function scopeFaults(scopes: unknown): string[] {
  if (!Array.isArray(scopes)) return ['Scopes: write a list, for example ["orders:read"].']
  if (scopes.length > 200) return ['Scopes: there are more than 200.']
  return scopes.flatMap((scope: unknown, index) => {
    const fault = scopeFault(scope) ?? (scopes.indexOf(scope) < index ? 'it is there twice; leave one out' : undefined)
    return fault ? [`Scope ${quoted(scope)}: ${fault}.`] : []
  })
}

function scopeFault(scope: unknown): string | undefined {
  // RFC 6749 §3.3
  if (typeof scope !== 'string' || !scopeToken.test(scope)) {
    return 'use 1 to 100 printable ASCII characters without blank, " and \\, for example orders:read'
  }
  return isIdentityScope(scope) ? 'OpenID Connect has taken this name; choose another, for example api:read' : undefined
}

function ttlFaults(ttlSeconds: unknown): string[] {
  if (ttlSeconds === undefined || ttlSeconds === null) return []
  const fits =
    Number.isInteger(ttlSeconds) && (ttlSeconds as number) >= 1 && (ttlSeconds as number) <= longestTtlSeconds
  return fits
    ? []
    : [`Token lifetime ${quoted(ttlSeconds)}: choose 1 second to ${longestTtlSeconds} seconds (24 hours).`]
}

function algFaults(alg: unknown): string[] {
  if ((signingAlgs as readonly unknown[]).includes(alg)) return []
  return [`Algorithm ${quoted(alg)}: choose one of ${signingAlgs.join(', ')}.`]
}
