/** The ledger of issued tokens on one node, and the status lists made from it. */
import type { Deployment } from '../deployment/deployment.ts'
import type { KeySet } from '../keyring/live/key-set.ts'
import type { LiveLog } from '../revocation/live-log.ts'
import { StatusIndices } from '../revocation/status-indices.ts'
import { StatusLists } from '../revocation/status-lists.ts'
import { statusListsOf } from '../revocation/status-place.ts'
import { PostgresTokenLedger } from '../storage/revocation/token-ledger.ts'

export interface NodeLedgerNeeds {
  deployment: Deployment
  log: LiveLog
  keys(): KeySet
}

/** If the ledger is off, only `tidy` is returned, because rows from earlier must still be removed. */
export async function openLedger({ deployment, log, keys }: NodeLedgerNeeds) {
  const { config, db } = deployment
  const ledger = new PostgresTokenLedger(db)
  const isKept = config.tokenLedger === 'on'
  await ledger.settle(isKept)
  const tidy = async () => void (await ledger.tidy())
  if (!isKept) return { tidy, nextPlace: undefined, statusLists: undefined, metadata: () => ({}) }

  const { issuer } = config
  const indices = new StatusIndices({ ledger })
  log.onChange(({ isNewEpoch }) => isNewEpoch && indices.drop())
  const signer = () => {
    const found = keys().signers.find(({ alg }) => alg === 'ES256')
    if (!found) throw new Error('there is no ES256 key to sign status lists with')
    return found
  }
  const lists = new StatusLists({ issuer, log, ledger, signer })
  return {
    tidy,
    nextPlace: () => indices.next(),
    statusLists: { issuer, lists },
    metadata: () => ({ status_list_aggregation_endpoint: statusListsOf(issuer) }),
  }
}
