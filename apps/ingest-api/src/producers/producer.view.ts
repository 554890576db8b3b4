import type { Producer } from '@app/storage';

export class ProducerView {
  name!: string;
  description!: string;
  /** Counts changes; also the ETag. */
  version!: number;
  createdAt!: Date;
  updatedAt!: Date;
}

export class ProducerList {
  items!: ProducerView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}

export const viewProducer = ({ name, description, version, createdAt, updatedAt }: Producer): ProducerView => ({
  name,
  description,
  version,
  createdAt,
  updatedAt,
});
