/** Browser sessions. */
import type { AddCommand } from '../nouns.ts'
import { sessionsEnd } from './end.ts'
import { sessionsList } from './list.ts'

export const sessions: AddCommand = (parent, invocation) => {
  sessionsList(parent, invocation)
  sessionsEnd(parent, invocation)
}
