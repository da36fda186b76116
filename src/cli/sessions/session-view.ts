import type { LogoutRow, SessionRow } from '../desk.ts'
import { fromNow } from '../moment.ts'
import type { Cell } from '../printer.ts'

export const sessionJson = (session: SessionRow) => ({
  id: session.id,
  account_id: session.accountId,
  signed_in_at: session.signedInAt ?? null,
  expires_at: session.expiresAt ?? null,
  clients: session.clients,
  ended_at: session.endedAt ?? null,
  logouts: session.logouts.map((logout) => ({
    client_id: logout.clientId,
    state: logout.state,
    attempts: logout.attempts,
    next_try_at: logout.nextTryAt ?? null,
    settled_at: logout.settledAt ?? null,
    last_error: logout.lastError ?? null,
  })),
})

/** When it ends, or that it has. */
export const endOf = ({ expiresAt, endedAt }: SessionRow, now: Date): Cell => {
  if (endedAt) return { text: `ended ${fromNow(endedAt, now)}`, tone: 'dim' }
  return expiresAt ? fromNow(expiresAt, now) : '–'
}

/** How far an app has been told. */
export function toldSoFar({ state, attempts, nextTryAt, settledAt, lastError }: LogoutRow, now: Date): Cell {
  const tries = `${attempts} ${attempts === 1 ? 'try' : 'tries'}`
  if (state === 'delivered') {
    return { text: `told ${settledAt ? fromNow(settledAt, now) : ''}${attempts > 1 ? `, ${tries}` : ''}`, tone: 'good' }
  }
  if (state === 'failed') return { text: `not told, ${tries}: ${lastError ?? 'no reason known'}`, tone: 'bad' }
  const next = nextTryAt && nextTryAt > now ? `, next ${fromNow(nextTryAt, now)}` : ''
  return { text: `waiting, ${tries}${next}${lastError ? `: ${lastError}` : ''}`, tone: 'warn' }
}
