/** The list of all operations. Command line, admin API, the table of rights and the tests are built from it. */
import { createAdmin } from './admins/create.ts'
import { giveAdmin } from './admins/give.ts'
import { resetAdmin } from './admins/reset.ts'
import { createApi } from './apis/create.ts'
import { createApiCredentials } from './apis/credentials.ts'
import { removeApi } from './apis/remove.ts'
import { updateApi } from './apis/update.ts'
import { createClient } from './clients/create.ts'
import { removeClient } from './clients/remove.ts'
import { rotateClientSecret } from './clients/rotate-secret.ts'
import { updateClient } from './clients/update.ts'
import type { Operation } from './operation.ts'
import { createPerson } from './people/create.ts'
import { disablePerson } from './people/disable.ts'
import { enablePerson } from './people/enable.ts'
import { endPersonSessions } from './people/end-sessions.ts'
import { removePerson } from './people/remove.ts'
import { setPassword } from './people/set-password.ts'
import { unlockPerson } from './people/unlock.ts'
import { updatePerson } from './people/update.ts'
import { endSession } from './sessions/end.ts'
import { revokeSession } from './sessions/revoke.ts'
import { removeStream } from './streams/remove.ts'
import { revokeToken } from './tokens/revoke.ts'
import { revokeAllTokens } from './tokens/revoke-all.ts'
import { revokeClientTokens } from './tokens/revoke-client.ts'
import { revokeOpaqueToken } from './tokens/revoke-opaque.ts'

/** An operation without its input and output. */
export type Listed = Pick<Operation<unknown, unknown>, 'name' | 'right' | 'risk' | 'undo' | 'records'>

export const catalogue: readonly Listed[] = [
  createAdmin,
  giveAdmin,
  resetAdmin,
  createApi,
  createApiCredentials,
  removeApi,
  updateApi,
  createClient,
  removeClient,
  rotateClientSecret,
  updateClient,
  createPerson,
  disablePerson,
  enablePerson,
  endPersonSessions,
  removePerson,
  setPassword,
  unlockPerson,
  updatePerson,
  endSession,
  revokeSession,
  removeStream,
  revokeAllTokens,
  revokeClientTokens,
  revokeOpaqueToken,
  revokeToken,
]
