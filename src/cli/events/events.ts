/** The audit log. */
import type { AddCommand } from '../nouns.ts'
import { eventsFollow } from './follow.ts'
import { eventsList } from './list.ts'

export const events: AddCommand = (parent, invocation) => {
  eventsList(parent, invocation)
  eventsFollow(parent, invocation)
}
