import { type KeyRing, newSigningSecret } from '@app/domain';

/** Makes signing secrets and seals them for the row of one consumer. */
export class SigningSecrets {
  constructor(private readonly ring: KeyRing) {}

  make(channel: string, consumer: string): { secret: string; sealed: string } {
    const secret = newSigningSecret();
    return { secret, sealed: this.ring.seal(secret, `consumer/${channel}/${consumer}`) };
  }
}
