/**
 * Everything that is worth recording, by its name in the audit log: how loud
 * the log line is, and the sentence in it. A name, once released, stays.
 */
export type Loudness = 'info' | 'warn' | 'error'

export const eventKinds = {
  'sign-in.succeeded': ['info', 'A person signed in'],
  'sign-in.rejected': ['warn', 'A sign-in was rejected'],
  'sign-in.throttled': ['warn', 'A sign-in was held back: too many failures before it'],
  'session.signed-out': ['info', 'A person signed out'],
  'session.ended': ['info', 'A session was ended'],
  'backchannel-logout.delivered': ['info', 'An app was told that a session has ended'],
  'backchannel-logout.failed': ['warn', 'An app could not be told that a session has ended, and will not be'],
  'consent.granted': ['info', 'A person allowed an app what it asked for'],
  'consent.denied': ['info', 'A person refused an app what it asked for'],
  'grant.revoked': ['info', 'A grant was revoked'],
  'refresh-token.reused': ['warn', 'A refresh token was used again after its grace: its grant was revoked'],
  'code.reused': ['warn', 'A code was used again: its grant was revoked'],
  'token.revoked': ['info', 'A token was revoked'],
  'token.misused': ['warn', 'An app tried to revoke a token that was issued to another app'],
  'token.forged': ['error', 'A token was presented that we never issued, with a right signature: its key has leaked'],
  'redirect-uri.refused': ['warn', 'A redirect URI was refused: it is not registered'],
  'origin.refused': ['warn', 'A browser request was refused: its origin is not registered'],
  'account.created': ['info', 'An account was created'],
  'account.changed': ['info', 'An account was changed'],
  'account.made-admin': ['info', 'An account was made administrator'],
  'account.disabled': ['info', 'An account was disabled'],
  'account.enabled': ['info', 'An account was enabled'],
  'account.unlocked': ['info', 'Failed sign-ins of an account were forgotten'],
  'account.signed-out': ['info', 'An account was signed out everywhere'],
  'account.removed': ['info', 'An account was removed'],
  'password.changed': ['info', 'A person changed their password'],
  'password.reset': ['info', 'A password was set by an administrator'],
  'client.created': ['info', 'A client was created'],
  'client.changed': ['info', 'A client was changed'],
  'client.secret-rotated': ['info', 'A client was given a new secret'],
  'client.removed': ['info', 'A client was removed'],
  'api.created': ['info', 'An API was created'],
  'api.changed': ['info', 'An API was changed'],
  'api.removed': ['info', 'An API was removed'],
  'stream.created': ['info', 'A receiver made an event stream'],
  'stream.changed': ['info', 'An event stream was changed'],
  'stream.removed': ['info', 'An event stream was removed'],
  'key.created': ['info', 'A signing key was made and published'],
  'key.imported': ['info', 'A signing key was imported'],
  'key.rotation-requested': ['info', 'A rotation of signing keys was asked for'],
  'key.promoted': ['info', 'A signing key began to sign'],
  'key.retired': ['info', 'A signing key stopped signing'],
  'key.revoked': ['warn', 'A signing key was revoked'],
  'key.removed': ['info', 'A signing key was removed'],
  'key.missed': ['warn', 'A verifier met a signing key that it did not know'],
  'key.canary-named': ['info', 'An app was named for which the next signing key will sign first'],
  'key.canary-began': ['info', 'The next signing key began to sign for one app'],
  'key.canary-ended': ['info', 'The next signing key signs for no app ahead of its time any more'],
  'cookie-key.created': ['info', 'A key that signs cookies was made'],
  'feed-key.rotated': ['info', 'The next key began to sign the revocation feed'],
  'secrets.rotated': ['info', 'Stored keys were wrapped under a new key-encryption key'],
  'server.error': ['error', 'A request failed by a fault of ours'],
} as const satisfies Record<string, readonly [Loudness, string]>

export type EventKind = keyof typeof eventKinds

export const isEventKind = (kind: string): kind is EventKind => Object.hasOwn(eventKinds, kind)
