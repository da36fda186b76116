/**
 * A device may be connected only in the browser in which its code was typed. Otherwise an attacker could type the code
 * of the attacker's device and send another person to the sign-in page that follows. That person would connect a device
 * that they never saw. So the interaction stores the session of the browser in which the code was typed. The session
 * cookie has the prefix `__Host-` where the issuer allows it, so that other subdomains cannot set it.
 */
import type { Context } from 'koa'
import type Provider from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Answerable } from '../interactions/interaction-proof.ts'
import type { Engine } from '../oidc-needs.ts'
import type { FinishedMark } from '../state/engine-adapter.ts'

type Interaction = InstanceType<Provider['Interaction']> &
  Answerable & { deviceCode?: string; startedIn?: string; finished?: FinishedMark }

/** Stores the browser's session, which may have no account yet, in the interaction of a device. */
export async function keepToBrowser(ctx: KoaContextWithOIDC, started: InstanceType<Provider['Interaction']>) {
  const interaction = started as Interaction
  if (interaction.deviceCode === undefined) return
  interaction.startedIn = ctx.oidc.session?.uid
  await interaction.persist()
}

/** May this browser see and answer the page? A finished interaction accepts an answer of its own account only. */
export async function wasStartedHere(ctx: Context, interaction: Interaction, engine: Engine): Promise<boolean> {
  const { deviceCode, finished, startedIn } = interaction
  if (deviceCode === undefined || finished !== undefined) return true
  if (startedIn !== undefined && (await findBrowserSession(ctx, engine))?.uid === startedIn) return true
  return engine.proofs.holds(ctx, interaction)
}

/** The session of this browser, with or without a signed-in account. */
export async function findBrowserSession(
  ctx: Context,
  { provider, cookies }: Engine,
): Promise<InstanceType<Provider['Session']> | undefined> {
  const id = ctx.cookies.get(cookies.engine.names.session, { signed: true })
  return id ? await provider.Session.find(id) : undefined
}
