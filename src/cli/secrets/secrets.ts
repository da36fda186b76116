/** The key-encryption key, and the keys that sign cookies and the revocation feed. */
import type { AddCommand } from '../nouns.ts'
import { secretsRotate } from './rotate.ts'

export const secrets: AddCommand = (parent, invocation) => secretsRotate(parent, invocation)
