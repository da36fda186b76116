/** Issued tokens: why one is refused, and revoking them. */
import type { AddCommand } from '../nouns.ts'
import { tokensInspect } from './inspect.ts'
import { tokensRevoke } from './revoke.ts'

export const tokens: AddCommand = (parent, invocation) => {
  tokensInspect(parent, invocation)
  tokensRevoke(parent, invocation)
}
