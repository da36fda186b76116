/** Where this deployment's private keys are, as its configuration says: in the database, wrapped; with a signer process; in an HSM. */
import type { Config } from '../config/config.ts'
import type { SecretEnvelope } from '../keyring/envelope.ts'
import { type KeyVault, LocalKeyVault } from '../keyring/key-vault.ts'
import { Pkcs11Token } from '../keyring/pkcs11-token.ts'
import { Pkcs11Vault } from '../keyring/pkcs11-vault.ts'
import { SignerClient } from '../keyring/signer-client.ts'
import { SignerEnvelope, SignerVault } from '../keyring/signer-vault.ts'
import { openEnvelope } from './deployment.ts'

export interface OpenVault {
  vault: KeyVault
  /** Seals the deployment's other secrets. */
  envelope: SecretEnvelope
  close(): void
}

/** @throws Failure `signer_unavailable`, or as the key-encryption key is missing or malformed */
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
