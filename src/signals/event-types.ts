/** The kinds of events that receivers may ask for, by their URIs. */
const base = 'https://schemas.openid.net/secevent'

/** OpenID CAEP 1.0, RISC 1.0, and two of the draft "OAuth Event Types 1.0" for what neither has a word for. */
export const eventTypes = {
  sessionRevoked: `${base}/caep/event-type/session-revoked`,
  credentialChange: `${base}/caep/event-type/credential-change`,
  tokenClaimsChange: `${base}/caep/event-type/token-claims-change`,
  accountDisabled: `${base}/risc/event-type/account-disabled`,
  accountEnabled: `${base}/risc/event-type/account-enabled`,
  accountPurged: `${base}/risc/event-type/account-purged`,
  tokenRevoked: `${base}/oauth/event-type/token-revoked`,
  tokensRevoked: `${base}/oauth/event-type/tokens-revoked`,
} as const

export const supportedEvents: readonly string[] = Object.values(eventTypes)

/** About the stream itself: always delivered, never asked for (SSF 1.0 §8.1.4, §8.1.5). */
export const streamEventTypes = {
  verification: `${base}/ssf/event-type/verification`,
  streamUpdated: `${base}/ssf/event-type/stream-updated`,
} as const

/** What of it there is; in the order of `supportedEvents`. */
export const deliveredEvents = (requested: readonly string[] | undefined): readonly string[] =>
  requested === undefined ? supportedEvents : supportedEvents.filter((type) => requested.includes(type))
