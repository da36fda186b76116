/**
 * Ties an answered interaction to the browser that answered it.
 *
 * The cookies with which an interaction begins cannot do so: another subdomain, or another port of localhost, can set
 * the cookies of its own interaction in a person's browser, and go on when the person has signed in on our page. So
 * each answer (password, choice of account, consent, denial) makes a fresh secret, which only that answer's browser
 * gets, in a cookie. Without the secret the engine does not find the interaction (`requireProof`): a new kind of
 * answer that makes none cannot be resumed at all.
 *
 * The database has the digests of the secret and of what it proves: this interaction, answered by this account. A
 * second press makes a second secret, and both count, because the browser keeps either. A secret of another account,
 * or of another interaction, counts for nothing.
 *
 * `__Host-` where the issuer allows it keeps neighbours from setting an answer of their own in a person's browser.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import Provider from 'oidc-provider'
import { type CookieSettings, cookieValues, shortDigest } from './cookies.ts'
import { finishedInteractionSeconds } from './engine-adapter.ts'
import type { ModelStore } from './model-store.ts'
import { UnitOfWork } from './unit-of-work.ts'

/** An interaction, as far as it tells who answered it. */
export interface Answerable {
  uid: string
  /** The account that answered; empty when no account was signed in. Absent until the interaction is answered. */
  answeredBy?: string | undefined
}

/** A browser resumes at once. The rest is for a second press while a finished interaction is kept. */
const proofSeconds = 2 * finishedInteractionSeconds

/** Neighbours may set cookies of the same name; each that is looked up costs a query. */
const mostPresented = 4

export class InteractionProofs {
  readonly #cookies: CookieSettings
  readonly #models: Pick<ModelStore, 'find'>

  constructor(cookies: CookieSettings, models: Pick<ModelStore, 'find'>) {
    this.#cookies = cookies
    this.#models = models
  }

  /** Makes a secret that lands with the current unit of work. Hand it over when that has landed. */
  issue(interaction: Answerable): string {
    const unit = UnitOfWork.current
    if (!unit) throw new Error('A proof lands with a unit of work, and none is running.')
    const secret = randomBytes(32).toString('base64url')
    unit.upsert({
      model: 'InteractionProof',
      id: secret,
      payload: { proves: provenBy(interaction).toString('base64url') },
      expiresAt: Math.floor(Date.now() / 1000) + proofSeconds,
    })
    return secret
  }

  /** Gives the secret to the browser that answered. */
  handOver(ctx: Context, uid: string, secret: string): void {
    const attributes = { ...this.#cookies.engine.long, signed: false, maxAge: proofSeconds * 1000 }
    ctx.cookies.set(this.#nameFor(uid), secret, attributes)
  }

  /** Whether the interaction is answered, and this is the browser that answered it. */
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

  /** One cookie for each interaction, so that two tabs keep apart. */
  #nameFor(uid: string): string {
    return `${this.#cookies.hostPrefix}claviger_proof_${shortDigest(uid)}`
  }
}

/** Has the engine find an interaction only in the browser that answered it. Our own pages look outside of the engine. */
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
