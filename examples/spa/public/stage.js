/**
 * The stage: services are called with the access token all the time, so that one sees a revocation arrive, and a key
 * rotation pass without a failed call. Times run from the press of the button to the first refusal the page sees.
 */
import { element } from './page.js'

const pauseMs = 50
/** A refused token is tried again now and then: it stays refused. */
const refusedPauseMs = 1_000
const graceMs = 2_000

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const headerOf = (token) => JSON.parse(atob(token.split('.')[0].replaceAll('-', '+').replaceAll('_', '/')))
const shortened = (kid) => `${kid.slice(0, 8)}…`
const say = (sentence) => {
  element('outcome').textContent = sentence
}

/** @param {{ client_id: string, services: { name: string, url: string, follows: boolean }[] }} config */
export function openStage({ client_id, services }) {
  const calls = services.map((service) => new Calls(service))
  element('stage').hidden = false
  element('services').replaceChildren(...calls.map(({ row }) => row))

  return {
    /** From now on the services are called with this token. */
    watch(token) {
      for (const one of calls) one.use(token)
    },

    /** Revokes the token (RFC 7009) and waits until each service that follows the feed has refused it. */
    async revoke(token, endpoint) {
      const pressedAt = performance.now()
      for (const one of calls) one.countFrom(pressedAt)
      const answer = await fetch(endpoint, { method: 'POST', body: new URLSearchParams({ token, client_id }) })
      if (!answer.ok) throw new Error(`The provider did not revoke the token: it answered ${answer.status}.`)
      const following = calls.filter(({ follows }) => follows)
      const times = await Promise.all(following.map((one) => one.refused))
      say(
        times.includes(undefined)
          ? 'A service still accepts the token after ten seconds.'
          : `Refused by all ${times.length} services ${Math.max(...times)} ms after you pressed the button.`,
      )
    },

    /** Has another key sign, takes a token of it, and counts the calls meanwhile. */
    async rotate(renew) {
      const before = calls.map((one) => one.total)
      const failedBefore = calls.map((one) => one.failed)
      const kid = headerOf(calls[0].token).kid
      const answer = await fetch('/rotate', { method: 'POST' })
      if (!answer.ok) throw new Error(await answer.text())
      for (let tries = 0; tries < 20 && headerOf(calls[0].token).kid === kid; tries += 1) {
        await renew()
        await pause(100)
      }
      const next = headerOf(calls[0].token).kid
      if (next === kid) throw new Error('The provider still signs with the same key.')
      await pause(graceMs)
      const sum = (numbers) => numbers.reduce((total, number) => total + number, 0)
      const made = sum(calls.map((one) => one.total)) - sum(before)
      const failed = sum(calls.map((one) => one.failed)) - sum(failedBefore)
      say(`Key ${shortened(kid)} gave way to ${shortened(next)}: ${made} calls meanwhile, ${failed} failed.`)
    },
  }
}

/** One service, called again and again with the token of the moment. */
class Calls {
  token
  total = 0
  failed = 0
  /** Resolves with the milliseconds until the first refusal; undefined when there was none in ten seconds. */
  refused
  #pressedAt
  #refuse = () => {}
  #isRunning = false

  constructor({ name, url, follows }) {
    this.url = url
    this.follows = follows
    this.row = document.createElement('li')
    this.mark = document.createElement('span')
    this.detail = document.createElement('span')
    const title = document.createElement('strong')
    title.textContent = name
    this.mark.className = 'mark'
    this.row.append(this.mark, title, this.detail)
    this.#show('waiting', 'not called yet')
  }

  use(token) {
    if (token === this.token) return
    this.token = token
    this.row.dataset.state = 'waiting'
    this.#pressedAt = undefined
    if (!this.#isRunning) this.#run()
  }

  countFrom(pressedAt) {
    this.#pressedAt = pressedAt
    this.refused = Promise.race([
      new Promise((resolve) => {
        this.#refuse = resolve
      }),
      pause(10_000),
    ])
  }

  async #run() {
    this.#isRunning = true
    while (!element('signed-in').hidden) {
      await this.#callOnce()
      await pause(this.row.dataset.state === 'refused' ? refusedPauseMs : pauseMs)
    }
    this.#isRunning = false
  }

  async #callOnce() {
    const { token } = this
    const answer = await fetch(this.url, { headers: { authorization: `Bearer ${token}` } }).catch(() => undefined)
    if (token !== this.token) return
    this.total += 1
    if (answer?.ok)
      return this.#show('accepted', `accepted · ${this.total} calls · key ${shortened(headerOf(token).kid)}`)
    this.failed += 1
    if (answer?.status !== 401) return this.#show('unsure', answer ? `answered ${answer.status}` : 'no answer')
    const after = this.#pressedAt === undefined ? undefined : Math.round(performance.now() - this.#pressedAt)
    this.#refuse(after)
    if (this.row.dataset.state !== 'refused')
      this.#show('refused', after === undefined ? 'refused' : `refused after ${after} ms`)
  }

  #show(state, detail) {
    this.row.dataset.state = state
    this.detail.textContent = detail
  }
}
