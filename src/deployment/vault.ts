/** Opens the vault of the private keys that the configuration selects: encrypted in the database, a signer process, or an HSM. */
import type { Config } from '../config/config.ts'
import type { SecretEnvelope } from '../keyring/vaults/envelope.ts'
import { type KeyVault, LocalKeyVault } from '../keyring/vaults/key-vault.ts'
import { Pkcs11Token } from '../keyring/vaults/pkcs11-token.ts'
import { Pkcs11Vault } from '../keyring/vaults/pkcs11-vault.ts'
import { SignerClient } from '../keyring/vaults/signer-client.ts'
import { SignerEnvelope, SignerVault } from '../keyring/vaults/signer-vault.ts'
import { openEnvelope } from './deployment.ts'

export interface OpenVault {
  vault: KeyVault
  /** Encrypts the deployment's other secrets. */
  envelope: SecretEnvelope
  close(): void
}

/** @throws Failure `signer_unavailable`, or a Failure for a missing or malformed key-encryption key */
export async function openVault(config: Config): Promise<OpenVault> {
  if (config.signerSocket !== undefined) {
    const client = new SignerClient(config.signerSocket)
    return {
      vault: await SignerVault.connect(client),
      envelope: new SignerEnvelope(client),
      close: () => client.close(),
    }
  }
  const envelope = await openEnvelope(config)
  if (config.pkcs11Module !== undefined) {
    const { pkcs11Module: library, pkcs11Pin: pin = '', pkcs11Token: label } = config
    const token = await Pkcs11Token.open({ library, pin, label })
    return { vault: new Pkcs11Vault(token, envelope), envelope, close: () => token.close() }
  }
  return { vault: new LocalKeyVault(envelope), envelope, close: () => {} }
}
