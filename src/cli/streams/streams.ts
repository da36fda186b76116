/** Event streams: what receivers made for themselves, seen by an administrator. */
import type { AddCommand } from '../nouns.ts'
import { streamsList } from './list.ts'
import { streamsRemove } from './remove.ts'
import { streamsShow } from './show.ts'

export const streams: AddCommand = (parent, invocation) => {
  for (const add of [streamsList, streamsShow, streamsRemove]) add(parent, invocation)
}
