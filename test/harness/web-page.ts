/** A page in any browser that can be sent somewhere and run a script: enough to walk through a sign-in as a person does. */
import { eventually } from './eventually.ts'

/** What each browser has to bring along. */
export interface Tab {
  goto(url: string): Promise<void>
  /** The value of an expression in the page as it is now. */
  evaluate(expression: string): Promise<unknown>
}

export interface TabBrowser {
  newTab(): Promise<Tab>
  close(): Promise<void>
}

/** Bounded: a page has half a minute to become what is waited for. */
const patience = { tries: 300, pauseMs: 100 }

export class WebPage {
  readonly #tab: Tab

  constructor(tab: Tab) {
    this.#tab = tab
  }

  goto(url: string): Promise<void> {
    return this.#tab.goto(url)
  }

  /** Returns when another document has taken the place of this one. */
  async reload(): Promise<void> {
    await this.#tab.evaluate('void ((window.isOld = true), setTimeout(() => location.reload()))')
    await this.until('a page anew', "window.isOld !== true && document.readyState === 'complete'")
  }

  async url(): Promise<URL> {
    return new URL(String(await this.#tab.evaluate('location.href')))
  }

  async text(selector: string): Promise<string> {
    await this.see(selector)
    return String(await this.#tab.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`))
  }

  /** As a keyboard would leave it. */
  async fill(selector: string, value: string): Promise<void> {
    await this.see(selector)
    await this.#tab.evaluate(`document.querySelector(${JSON.stringify(selector)}).value = ${JSON.stringify(value)}`)
  }

  /** Answered before what the press leads to: the page may be gone by then. */
  async press(selector: string): Promise<void> {
    await this.see(selector)
    await this.#tab.evaluate(`void setTimeout(() => document.querySelector(${JSON.stringify(selector)}).click())`)
  }

  /** Waits for something that matches and is not hidden. */
  async see(selector: string): Promise<void> {
    await this.until(
      `${selector} in the page`,
      `document.querySelector(${JSON.stringify(selector)})?.checkVisibility() ?? false`,
    )
  }

  /** Waits for an expression to be true; between two pages there is nothing to ask. */
  async until(what: string, expression: string): Promise<void> {
    const seen = await eventually(
      async () => (await this.#tab.evaluate(expression).catch(() => undefined)) === true || undefined,
      patience,
    )
    if (!seen) throw new Error(`there was never ${what}, but ${await this.#tab.evaluate('document.body.innerText')}`)
  }
}
