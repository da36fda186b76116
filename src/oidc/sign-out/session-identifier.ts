/**
 * Renews the identifier of a browser's session at each sign-in, so that a planted identifier is useless afterwards. The
 * engine renews it after every interaction. After a mere consent a renewal protects nothing. It would also end the
 * session of a person who clicked twice, because the browser drops the cookie of the overtaken answer.
 */
import Provider from 'oidc-provider'

export function renewAtSignInOnly(provider: Provider): void {
  const { prototype } = provider.Session as unknown as { prototype: { resetIdentifier(): void } }
  const renew = prototype.resetIdentifier
  Object.defineProperty(prototype, 'resetIdentifier', {
    value(this: typeof prototype) {
      if (!isMereConsent()) renew.call(this)
    },
  })
}

/** Reads the interaction's own prompt: its result also repeats earlier answers, such as a sign-in. */
function isMereConsent(): boolean {
  const oidc = Provider.ctx?.oidc
  return oidc?.route.endsWith('resume') === true && oidc.entities.Interaction?.prompt.name === 'consent'
}
