import type { KeyRing } from '@app/domain';
import type { Consumer, ConsumerSettings, SecretColumns } from '@app/storage';
import { Credentials } from './credentials.js';
import { type ConsumerWish, consumerWish, type TargetRules } from './consumer-settings.js';
import type { ConsumerBody } from './consumer.body.js';
import { type ConsumerView, viewConsumer } from './consumer.view.js';
import { type Settled, SigningSecrets } from './signing-secrets.js';

/** A consumer on paper: from what a request says to what is stored, and from there to what is shown. */
export class ConsumerForm {
  private readonly secrets: SigningSecrets;
  private readonly credentials: Credentials;

  constructor(
    private readonly rules: TargetRules,
    ring: KeyRing,
  ) {
    this.secrets = new SigningSecrets(ring);
    this.credentials = new Credentials(ring);
  }

  /** Throws Problem `validation-failed` naming every wrong field. */
  read(body: ConsumerBody): ConsumerWish {
    return consumerWish(body, this.rules, Date.now());
  }

  /** Throws Problem `validation-failed` for what depends on what is stored, `conflict` when too many secrets would sign. */
  settle(stored: Consumer | null, channel: string, name: string, wish: ConsumerWish): { settings: ConsumerSettings; made: string | null } {
    const row = { channel, consumer: name };
    const { columns, made } = this.secrets.settle(stored, row, wish.secret, Date.now());
    return { settings: { ...wish.settings, ...columns, ...this.credentials.settle(stored, row, wish.credentials) }, made };
  }

  rotate(
    stored: Consumer,
    channel: string,
    { secret, overlapSeconds }: { secret: string | null; overlapSeconds: number },
  ): Settled & { columns: SecretColumns } {
    return this.secrets.rotate(stored, { channel, consumer: stored.name }, secret, overlapSeconds, Date.now());
  }

  show(channel: string, row: Consumer): ConsumerView {
    return viewConsumer(channel, row, this.credentials.show(row, { channel, consumer: row.name }));
  }
}
