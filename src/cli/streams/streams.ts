/** Event streams that receivers created, as an administrator sees them. */
import type { AddCommand } from '../nouns.ts'
import { streamsList } from './list.ts'
import { streamsRemove } from './remove.ts'
import { streamsShow } from './show.ts'

export const streams: AddCommand = (parent, invocation) => {
  for (const add of [streamsList, streamsShow, streamsRemove]) add(parent, invocation)
}
