/** `npm run docs:config`: writes `.env.example` and README's table from the option list. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { envExample, withOptionTable } from './option-docs.ts'

const root = join(import.meta.dirname, '../..')
const readme = join(root, 'README.md')

writeFileSync(join(root, '.env.example'), envExample())
if (existsSync(readme)) writeFileSync(readme, withOptionTable(readFileSync(readme, 'utf8')))
