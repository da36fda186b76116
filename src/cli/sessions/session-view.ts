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

/** When the session ends or ended. */
export const endOf = ({ expiresAt, endedAt }: SessionRow, now: Date): Cell => {
  if (endedAt) return { text: `ended ${fromNow(endedAt, now)}`, tone: 'dim' }
  return expiresAt ? fromNow(expiresAt, now) : '–'
}

/** Whether the app was notified of the end of the session. */
export function logoutCell({ state, attempts, nextTryAt, settledAt, lastError }: LogoutRow, now: Date): Cell {
  const tries = `${attempts} ${attempts === 1 ? 'try' : 'tries'}`
  if (state === 'delivered') {
    return {
      text: `notified ${settledAt ? fromNow(settledAt, now) : ''}${attempts > 1 ? `, ${tries}` : ''}`,
      tone: 'good',
    }
  }
  if (state === 'failed') return { text: `not notified, ${tries}: ${lastError ?? 'reason unknown'}`, tone: 'bad' }
  const next = nextTryAt && nextTryAt > now ? `, next ${fromNow(nextTryAt, now)}` : ''
  return { text: `waiting, ${tries}${next}${lastError ? `: ${lastError}` : ''}`, tone: 'warn' }
}
