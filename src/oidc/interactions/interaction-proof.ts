/**
 * Ties an answered interaction to the browser that answered it.
 *
 * The cookies with which an interaction begins cannot do so. A page on another subdomain, or on another port of
 * localhost, can set the cookies of its own interaction in a person's browser. It could then continue that interaction
 * after the person has signed in. So each answer (password, choice of account, consent, denial) creates a new secret.
 * Only the browser that answered gets the secret, in a cookie. Without the secret the engine does not find the
 * interaction (`requireProof`). So a new kind of answer that creates no secret cannot be resumed at all.
 *
 * The database stores digests of the secret and of what the secret proves: this interaction, answered by this account.
 * A second submit creates a second secret. Both are valid, because the browser may keep either one. A secret of another
 * account, or of another interaction, is refused.
 *
 * The prefix `__Host-`, where the issuer allows it, prevents other subdomains from setting a proof cookie in a person's
 * browser.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import Provider from 'oidc-provider'
import { type CookieSettings, cookieValues, shortDigest } from '../engine/cookies.ts'
import { finishedInteractionSeconds } from '../state/engine-adapter.ts'
import type { ModelStore } from '../state/model-store.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'

/** The part of an interaction that records which account answered it. */
export interface Answerable {
  uid: string
  /** The account that answered; empty when no account was signed in. Absent until the interaction is answered. */
  answeredBy?: string | undefined
}

/** A browser resumes at once. The remaining time covers a second submit while a finished interaction is stored. */
const proofSeconds = 2 * finishedInteractionSeconds

/** Other subdomains may set cookies of the same name, and each look-up costs a query. */
const mostPresented = 4

export class InteractionProofs {
  readonly #cookies: CookieSettings
  readonly #models: Pick<ModelStore, 'find'>

  constructor(cookies: CookieSettings, models: Pick<ModelStore, 'find'>) {
    this.#cookies = cookies
    this.#models = models
  }

  /** Creates a secret and stores it with the current unit of work. Call `handOver` after the commit. */
  issue(interaction: Answerable): string {
    const unit = UnitOfWork.current
    if (!unit) throw new Error('A proof is stored with a unit of work, but no unit of work is running.')
    const secret = randomBytes(32).toString('base64url')
    unit.upsert({
      model: 'InteractionProof',
      id: secret,
      payload: { proves: provenBy(interaction).toString('base64url') },
      expiresAt: Math.floor(Date.now() / 1000) + proofSeconds,
    })
    return secret
  }

  /** Sets the secret as a cookie in the browser that answered. */
  handOver(ctx: Context, uid: string, secret: string): void {
    const attributes = { ...this.#cookies.engine.long, signed: false, maxAge: proofSeconds * 1000 }
    ctx.cookies.set(this.#nameFor(uid), secret, attributes)
  }

  /** Is the interaction answered, and is this the browser that answered it? */
  async holds(ctx: Context, interaction: Answerable): Promise<boolean> {
    if (interaction.answeredBy === undefined) return false
    const expected = provenBy(interaction)
    for (const secret of this.#presented(ctx, interaction.uid)) {
      const found = await UnitOfWork.asking(() => this.#models.find('InteractionProof', secret, 0))
      const proven = Buffer.from(String(found?.model.payload.proves ?? ''), 'base64url')
      if (proven.length === expected.length && timingSafeEqual(proven, expected)) return true
    }
    return false
  }

  #presented(ctx: Context, uid: string): string[] {
    return cookieValues(ctx.get('Cookie'), this.#nameFor(uid))
      .filter((value) => /^[\w-]{43}$/.test(value))
      .slice(0, mostPresented)
  }

  /** One cookie for each interaction, so that two tabs do not affect each other. */
  #nameFor(uid: string): string {
    return `${this.#cookies.hostPrefix}claviger_proof_${shortDigest(uid)}`
  }
}

/** Makes the engine find an interaction only in the browser that answered it. `web`'s pages look outside the engine. */
export function requireProof(provider: Provider, proofs: InteractionProofs): void {
  type Model = Provider['Interaction']
  const { Interaction } = provider
  const find = Interaction.find as (this: Model, id: string) => Promise<InstanceType<Model> | undefined>
  async function findProven(this: Model, id: string): Promise<InstanceType<Model> | undefined> {
    const interaction = await find.call(this, id)
    const { ctx } = Provider
    if (!ctx || !interaction) return interaction
    return (await proofs.holds(ctx, interaction)) ? interaction : undefined
  }
  Object.defineProperty(Interaction, 'find', { value: findProven })
}

const provenBy = ({ uid, answeredBy }: Answerable): Buffer =>
  createHash('sha256')
    .update(JSON.stringify(['interaction', uid, 'answered by', answeredBy]))
    .digest()
