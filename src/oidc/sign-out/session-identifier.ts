/**
 * When a browser's session gets a new identifier: at each sign-in, so that one
 * planted before it is worth nothing after it. The engine renews it after every
 * interaction; after a mere consent that protects nothing and costs a person
 * who clicked twice their session, because the browser drops the cookie of the
 * answer that was overtaken.
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

/** Asked of the interaction itself: its result repeats the answers that were given before it, an earlier sign-in among them. */
function isMereConsent(): boolean {
  const oidc = Provider.ctx?.oidc
  return oidc?.route.endsWith('resume') === true && oidc.entities.Interaction?.prompt.name === 'consent'
}
