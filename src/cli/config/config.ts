/** The options in force. */
import type { AddCommand } from '../nouns.ts'
import { configShow } from './show.ts'

export const config: AddCommand = (parent, invocation) => configShow(parent, invocation)
