/** Events of apps at the protocol endpoints, refusals included. */
import { eventKinds } from './event-kinds.ts'
import { plainText } from './plain-text.ts'
import { type About, actorOf, createRecord, type EventNeeds, type RecordEvent, whereOf } from './record.ts'

type LogoutAbout = About & { session: string; attempts: number }

export interface ProtocolEvents {
  /** Only counts: every issued token takes this path. */
  tokenIssued(grantType: string): void
  /** Counts and logs, with the detail that the app does not receive. No audit entry: expired tokens are too frequent. */
  tokenRefused(about: About & { grantType: string; error: string; detail?: string | undefined }): void
  authorizationRefused(about: About & { error: string; detail?: string | undefined }): void
  /** Logs and counts. The transaction that revoked the grant wrote the audit entry. */
  replayEnded(about: About & { kind: 'code.reused' | 'refresh-token.reused'; grantId: string }): void
  grantRevoked(about: About & { grantId: string; actor?: string | undefined }): void
  tokenRevoked(
    about: About & { tokenKind?: string | undefined; jti?: string | undefined; actor?: string | undefined },
  ): void
  /** An app tried to revoke a token that was issued to another app. */
  tokenMisused(about: About & { owner: string; tokenKind?: string | undefined }): void
  /** A signing key has leaked. The account and client are those that the forged token names. */
  tokenForged(about: About & { kid?: string | undefined; jti?: string | undefined }): void
  /** `remedy` names the setting that would allow the request. */
  requestRefused(about: About & { error: string; reason?: string | undefined; remedy: string }): void
  /** Requested scopes that were not granted. Always logged; audited only when `isNews`. */
  scopeRefused(about: About & { scopes: string; granted: string; apis: readonly string[]; isNews: boolean }): void
  /** `closest` and `difference` from `explainRedirectUri`. */
  redirectUriRefused(
    about: About & { received: string; closest?: string | undefined; difference?: string | undefined },
  ): void
  /** `closest` and `difference` from `explainOrigin`. */
  originRefused(about: About & { origin: string; closest?: string | undefined; difference?: string | undefined }): void
  /** `attempts` includes the successful one. */
  logoutDelivered(about: LogoutAbout): void
  logoutFailed(about: LogoutAbout & { error: string }): void
  /** An internal error. The log gets the thrown error, the audit log only its name. */
  serverError(about: About & { error: unknown }): void
}

export function protocolEvents(
  record: RecordEvent,
  { metrics, log }: Pick<EventNeeds, 'metrics' | 'log'>,
): ProtocolEvents {
  const recordUnaudited = createRecord({ audit: { write() {} }, log, metrics })
  const byApp = (kind: string, about: About, detail: { [name: string]: unknown }): void =>
    record({ kind, actor: actorOf({ clientId: about.clientId }), ...whereOf(about), detail })
  return {
    tokenIssued: (grantType) => metrics.tokenIssued(grantType),
    tokenRefused(about) {
      metrics.tokenRefused(about.grantType, about.error)
      log.info(
        {
          event: 'token.refused',
          ...whereOf(about),
          grantType: about.grantType,
          error: about.error,
          detail: about.detail,
        },
        'A token request was refused',
      )
    },
    authorizationRefused: (about) =>
      log.info(
        { event: 'authorization.refused', ...whereOf(about), error: about.error, detail: about.detail },
        'An authorization request was refused',
      ),
    replayEnded: (about) =>
      recordUnaudited({
        kind: about.kind,
        actor: actorOf({ clientId: about.clientId }),
        ...whereOf(about),
        detail: { grantId: about.grantId },
      }),
    grantRevoked: (about) =>
      record({
        kind: 'grant.revoked',
        actor: about.actor ?? actorOf(about),
        ...whereOf(about),
        detail: { grantId: about.grantId },
      }),
    tokenRevoked: (about) =>
      record({
        kind: 'token.revoked',
        actor: about.actor ?? actorOf({ clientId: about.clientId }),
        ...whereOf(about),
        detail: { tokenKind: about.tokenKind, jti: about.jti },
      }),
    tokenMisused: (about) => byApp('token.misused', about, { owner: about.owner, tokenKind: about.tokenKind }),
    tokenForged: (about) =>
      record({
        kind: 'token.forged',
        actor: 'anonymous',
        ...whereOf(about),
        detail: {
          kid: plainText(about.kid ?? ''),
          jti: plainText(about.jti ?? ''),
          hint: 'keys revoke <kid> --compromised',
        },
      }),
    requestRefused: (about) =>
      byApp('request.refused', about, { error: about.error, reason: about.reason, remedy: about.remedy }),
    scopeRefused(about) {
      const { apis, isNews } = about
      const detail = { scopes: plainText(about.scopes), granted: plainText(about.granted), apis }
      if (isNews) byApp('scope.refused', about, detail)
      else log.info({ event: 'scope.refused', ...whereOf(about), detail }, eventKinds['scope.refused'][1])
    },
    redirectUriRefused: (about) =>
      byApp('redirect-uri.refused', about, {
        received: plainText(about.received),
        closest: about.closest,
        difference: about.difference,
      }),
    originRefused: (about) =>
      byApp('origin.refused', about, {
        origin: plainText(about.origin),
        closest: about.closest,
        difference: about.difference,
      }),
    logoutDelivered: (about) =>
      record({
        kind: 'backchannel-logout.delivered',
        actor: 'schedule',
        ...whereOf(about),
        detail: { session: about.session, attempts: about.attempts },
      }),
    logoutFailed: (about) =>
      record({
        kind: 'backchannel-logout.failed',
        actor: 'schedule',
        ...whereOf(about),
        detail: { session: about.session, attempts: about.attempts, error: about.error },
      }),
    serverError(about) {
      log.error(
        { event: 'server.error', ...whereOf(about), error: about.error },
        'A request failed because of an internal error',
      )
      record({ kind: 'server.error', actor: actorOf(about), ...whereOf(about), detail: { error: nameOf(about.error) } })
    },
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error)
