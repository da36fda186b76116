/** A flow is what one visitor does again and again: `begin` prepares the visitor and returns the step to repeat. */
import { Browser } from '../browser.ts'
import type { Answer, HttpConnection } from '../http-connection.ts'
import type { Person, Target } from '../target.ts'

export interface Visitor {
  http: HttpConnection
  target: Target
  person: Person
}

export type Step = () => Promise<void>
export type Flow = (visitor: Visitor) => Promise<Step>

export const newBrowser = ({ http, target }: Visitor) => new Browser(http, new URL(target.issuer).origin)

/** No answer but the expected one counts; any other ends the cell with its text. */
export function expectStatus(answer: Answer, what: string, ...expected: number[]): Answer {
  if (expected.includes(answer.status)) return answer
  const where = answer.header('location')
  throw new Error(`${what}: status ${answer.status}${where ? ` to ${where}` : ''}: ${answer.text().slice(0, 400)}`)
}
