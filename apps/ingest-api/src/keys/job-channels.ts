import { Injectable } from '@nestjs/common';
import { Database, findJob } from '@app/storage';

/** Which channel a job is of. */
@Injectable()
export class JobChannels {
  constructor(private readonly database: Database) {}

  /** The channel's name; none has the empty one, which stands for a job that is unknown. */
  async channelOf(id = ''): Promise<string> {
    return /^[1-9]\d{0,18}$/.test(id) ? ((await findJob(this.database, id))?.channel ?? '') : '';
  }
}
