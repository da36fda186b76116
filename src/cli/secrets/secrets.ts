/** What the deployment's keys rest under, and the keys that sign cookies. */
import type { AddCommand } from '../nouns.ts'
import { secretsRotate } from './rotate.ts'

export const secrets: AddCommand = (parent, invocation) => secretsRotate(parent, invocation)
