import type { SessionRow } from '../desk.ts'

export const sessionJson = (session: SessionRow) => ({
  id: session.id,
  account_id: session.accountId,
  signed_in_at: session.signedInAt,
  expires_at: session.expiresAt,
  clients: session.clients,
})
