/** Browser sessions. */
import type { AddCommand } from '../nouns.ts'
import { sessionsEnd } from './end.ts'
import { sessionsList } from './list.ts'
import { sessionsShow } from './show.ts'

export const sessions: AddCommand = (parent, invocation) => {
  sessionsList(parent, invocation)
  sessionsShow(parent, invocation)
  sessionsEnd(parent, invocation)
}
