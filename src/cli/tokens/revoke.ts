import { decodeJwt, type JWTPayload } from 'jose'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import { endPersonSessions } from '../../operations/people/end-sessions.ts'
import { revokeSession } from '../../operations/sessions/revoke.ts'
import { revokeToken } from '../../operations/tokens/revoke.ts'
import { revokeAllTokens } from '../../operations/tokens/revoke-all.ts'
import { revokeClientTokens } from '../../operations/tokens/revoke-client.ts'
import { revokeOpaqueToken } from '../../operations/tokens/revoke-opaque.ts'
import { boundJson, boundText, lastExpiry } from '../bound.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import type { Desk } from '../desk.ts'
import type { Invocation } from '../invocation.ts'
import type { AddCommand } from '../nouns.ts'
import { readSecret } from '../secret-input.ts'
import { wrongUsage } from '../usage.ts'
import { getPerson } from '../users/person.ts'

interface Options extends ConfirmedOptions {
  tokenStdin?: boolean
  jti?: string
  sid?: string
  sub?: string
  client?: string
  all?: boolean
}

/** The tokens to revoke, and how the answer names them. */
interface Target {
  what: string
  data: Record<string, unknown>
  /** The expiry of a token that has `exp`. */
  until?: Date | undefined
  /** A caveat that is printed after the answer. */
  note?: string | undefined
  /** Asked first when more than one token is revoked. */
  question?: string
  revoke(): Promise<Record<string, unknown> | undefined>
}

/** `tokens revoke`: revokes issued tokens by one of their names. */
export const tokensRevoke: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('revoke')
    .description('revoke tokens before they expire, by one of their names')
    .option('--token-stdin', 'the token itself, on stdin')
    .option('--jti <jti>', 'one access token, by its jti')
    .option('--sid <sid>', 'a session and everything issued in it')
    .option('--sub <person>', 'a person: signs them out everywhere')
    .option('--client <client_id>', 'an app: its grants, refresh tokens and access tokens, of every person')
    .option('--all', 'every access token issued so far; people stay signed in, apps fetch new ones')
    .action(async (options: Options) => {
      const target = await targetOf(invocation, options)
      if (options.dryRun) {
        printer.result(options, { ...target.data, dry_run: true }, () => printer.line(`Would revoke ${target.what}.`))
        return
      }
      if (target.question && !(await isConfirmed(invocation, options, target.question))) return
      const more = await target.revoke()
      const desk = await invocation.desk()
      const now = printer.now()
      const heard = await desk.nodes.confirm()
      const until = target.until ?? lastExpiry(now, await desk.revocations.longestTokenSeconds())
      printer.result(options, { ...target.data, ...more, revoked: true, ...boundJson(until, heard) }, () => {
        printer.line({ text: 'Revoked', tone: 'good' }, ` ${target.what}.`)
        printer.line(boundText(until, now, desk.config, heard))
      })
      const note = more?.session_ended === false ? sessionNote : target.note
      if (note) printer.note(note)
    })
  withExample(
    withConfirmation(command),
    'claviger tokens revoke --token-stdin < stolen.jwt',
    'claviger tokens revoke --sub ada@example.org',
    'claviger tokens revoke --all',
  )
}

async function targetOf(invocation: Invocation, options: Options): Promise<Target> {
  const { tokenStdin, jti, sid, sub, client, all } = options
  const named = [jti, sid, sub, client].filter((value) => value !== undefined)
  if (named.length + Number(tokenStdin ?? false) + Number(all ?? false) !== 1) {
    throw wrongUsage('token_unnamed', 'Name one: --token-stdin, --jti, --sid, --sub, --client or --all.')
  }
  if (named.some((value) => value.length > 1024 || value === '')) {
    throw new Failure('token_name_invalid', 'invalid', 'A name has 1 to 1024 characters.')
  }
  const desk = await invocation.desk()
  if (all) return ofEverybody(desk, invocation)
  if (tokenStdin) return byToken(desk, invocation, await readSecret(invocation.stdin, 'token'))
  if (jti !== undefined) return byJti(desk, invocation, jti)
  if (sid !== undefined) return bySid(invocation, sid)
  return sub !== undefined ? byPerson(desk, invocation, sub) : byClient(desk, invocation, client ?? '')
}

async function byToken(desk: Desk, invocation: Invocation, token: string): Promise<Target> {
  const claims = claimsOf(token)
  if (claims && (claims.iss !== desk.config.issuer || typeof claims.jti !== 'string')) {
    throw new Failure('token_foreign', 'invalid', `This is not an access token of ${desk.config.issuer}.`)
  }
  // The signature needs no check: an entry for a token that was never issued has no effect.
  if (claims) return byJti(desk, invocation, String(claims.jti), claims.exp)
  const found = await desk.revocations.findOpaque(token)
  if (!found)
    throw new Failure('token_unknown', 'missing', 'No active token matches. It may have expired or been revoked.')
  return {
    what: `a ${found.what} of ${found.clientId ?? 'an unknown app'}`,
    data: { token: found.what, client_id: found.clientId ?? null },
    revoke: async () => void (await invocation.perform(revokeOpaqueToken, { token })),
  }
}

function claimsOf(token: string): JWTPayload | undefined {
  try {
    return decodeJwt(token)
  } catch {
    return undefined // not a JWT, so perhaps an opaque token
  }
}

/** The engine's `jti`: 43 letters, digits, `-` and `_`. */
const ownJti = /^[\w-]{43}$/

const ledgerNote =
  'It is unknown whether such a token was issued: issued tokens are recorded only with CLAVIGER_TOKEN_LEDGER=on.'
const sessionNote = 'There is no active session with this sid. Tokens with this sid are revoked nevertheless.'

function isUnknown(jti: string, hint: string): Failure {
  return new Failure(
    'token_unknown',
    'missing',
    `No token with the jti ${quoted(jti)} is known. Nothing was revoked.`,
    {
      detail: { hints: [hint] },
    },
  )
}

/** @throws Failure `token_unknown` when no valid token can have this `jti`. */
async function byJti(desk: Desk, { perform }: Invocation, jti: string, exp?: number): Promise<Target> {
  if (!ownJti.test(jti)) throw isUnknown(jti, 'a jti of this issuer has 43 characters: letters, digits, - and _')
  const isKnown = await desk.ledger.knowsJti(jti)
  if (isKnown === false)
    throw isUnknown(jti, 'it may have expired; the ledger has an entry for every token that can still be valid')
  const until = exp === undefined ? undefined : new Date(exp * 1000)
  // An `exp` far in the future was not issued here: no access token lives longer than a day.
  const isPlausible = until !== undefined && until.getTime() < Date.now() + 2 * 86_400_000
  const expiresAt = isPlausible ? new Date(until.getTime() + 60_000) : undefined
  return {
    what: `the access token ${quoted(jti)}`,
    data: { jti },
    note: isKnown ? undefined : ledgerNote,
    until: isPlausible ? until : undefined,
    revoke: async () => void (await perform(revokeToken, { jti, ...(expiresAt ? { expires_at: expiresAt } : {}) })),
  }
}

const ofEverybody = (desk: Desk, { perform }: Invocation): Target => ({
  what: `every access token that ${desk.config.issuer} issued so far`,
  data: { iss: desk.config.issuer },
  question: 'Revoke every access token of every app and person? People stay signed in, and apps fetch new tokens.',
  revoke: async () => void (await perform(revokeAllTokens, { issuer: desk.config.issuer })),
})

const bySid = ({ perform }: Invocation, sid: string): Target => ({
  what: `everything of the session ${quoted(sid)}`,
  data: { sid },
  question: `End the session ${quoted(sid)} and revoke everything issued in it?`,
  revoke: async () => ({ session_ended: (await perform(revokeSession, { sid })).ended }),
})

async function byPerson(desk: Desk, { perform }: Invocation, named: string): Promise<Target> {
  const person = await getPerson(desk, named)
  return {
    what: `everything of ${person.email}`,
    data: { sub: person.id },
    question: `Sign ${person.email} out everywhere?`,
    async revoke() {
      const { sessions, grants, refreshTokens } = await perform(endPersonSessions, { id: person.id })
      return { sessions_ended: sessions, grants_ended: grants, refresh_tokens_ended: refreshTokens }
    },
  }
}

async function byClient(desk: Desk, { perform }: Invocation, clientId: string): Promise<Target> {
  const client = await desk.clients.find(clientId)
  if (!client) throw new Failure('client_missing', 'missing', `There is no client ${quoted(clientId)}.`)
  return {
    what: `everything that ${client.id} (${client.name}) holds`,
    data: { client_id: client.id },
    question: `Revoke every grant and token that ${client.id} (${client.name}) holds, of every person?`,
    async revoke() {
      const { grants, refreshTokens } = await perform(revokeClientTokens, { client_id: client.id })
      return { grants_ended: grants, refresh_tokens_ended: refreshTokens }
    },
  }
}
