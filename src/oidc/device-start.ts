/**
 * A device is connected in the browser in which a person said that it is theirs. Otherwise an attacker could type the
 * code of their own device, and lead another person to the sign-in page that follows. That person would connect a device
 * that they never saw. The session in which the question was answered is stored with the interaction. Its cookie has
 * `__Host-` where the issuer allows it, so that no neighbour can set it.
 */
import type { Context } from 'koa'
import type Provider from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { FinishedMark } from './engine-adapter.ts'
import type { Answerable } from './interaction-proof.ts'
import type { Engine } from './oidc-needs.ts'

type Interaction = InstanceType<Provider['Interaction']> &
  Answerable & { deviceCode?: string; startedIn?: string; finished?: FinishedMark }

/** Names the browser's session, which may have no account yet, in the interaction of a device. */
export async function keepToBrowser(ctx: KoaContextWithOIDC, started: InstanceType<Provider['Interaction']>) {
  const interaction = started as Interaction
  if (interaction.deviceCode === undefined) return
  interaction.startedIn = ctx.oidc.session?.uid
  await interaction.persist()
}

/** Whether this browser may see and answer the page. A finished interaction takes an answer of its own account only. */
export async function wasStartedHere(ctx: Context, interaction: Interaction, engine: Engine): Promise<boolean> {
  const { deviceCode, finished, startedIn } = interaction
  if (deviceCode === undefined || finished !== undefined) return true
  if (startedIn !== undefined && (await findBrowserSession(ctx, engine))?.uid === startedIn) return true
  return engine.proofs.holds(ctx, interaction)
}

/** The session of this browser, whether a person is signed in or not. */
export async function findBrowserSession(
  ctx: Context,
  { provider, cookies }: Engine,
): Promise<InstanceType<Provider['Session']> | undefined> {
  const id = ctx.cookies.get(cookies.engine.names.session, { signed: true })
  return id ? await provider.Session.find(id) : undefined
}
