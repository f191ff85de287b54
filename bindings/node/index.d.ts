export const version: string;

export const Status: Readonly<{
  ERROR: 0; BEGIN: 21; END: 27; CONNECTING: 28; DISCONNECTING: 29; ERROR_WITHURL: 30;
  RESTRICTED: 31; PROGRESS: 0x1000; SKIPPED: 0x1001; FEWER: 0x1002;
}>;

export interface Progress {
  done: number;
  /** 0: not known yet. */
  total: number;
  bytesDone: number;
  bytesTotal: number;
  restricted: number;
  skipped: number;
}

export interface Event {
  /** One of Status. */
  status: number;
  hresult: number;
  text?: string;
  progress?: Progress;
  /** With Status.FEWER: how many licenses the backup that is replaced has. */
  before?: number;
  now?: number;
}

export interface Outcome {
  /** The backup file; "" of a descriptor. */
  path: string;
  /** Not everything could be saved (option partial). */
  isPartial: boolean;
  progress: Progress | null;
  /** Key IDs, or names, of licenses whose right to be backed up is denied. */
  restricted: string[];
  skipped: { name: string; hresult: number }[];
}

export interface License {
  name: string;
  format: string;
  licenseId: string;
  keyIds: string[];
  /** 0: not stated, 1: allowed, 2: denied. */
  backupRight: number;
  size: number;
  /** Unix seconds. */
  modified: number;
}

export interface Store {
  player: string;
  profile: string;
  kind: 'directory' | 'sqlite';
  path: string;
  /** null: not known. */
  running: boolean | null;
}

export interface Settings {
  /** A folder or database; the default one without. */
  store?: string;
  passphrase?: string;
  recipients?: string | string[];
  identities?: string | string[];
  compressionLevel?: number;
  threads?: number;
  niceness?: number;
  unstatedRights?: 'allow' | 'deny';
  /** Such as "last=3 daily=7". */
  keep?: string;
  only?: string | string[];
  /** Verifications look at so many percent of a backup only, chosen at random. */
  sample?: number;
}

export interface OperationOptions {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  onEvent?: (event: Event) => void;
}

export interface BackupOptions extends OperationOptions {
  overwrite?: boolean;
  partial?: boolean;
  verify?: boolean;
  reread?: boolean;
  empty?: boolean;
}

export interface VerifyOptions extends OperationOptions {
  allowClear?: boolean;
}

export interface RestoreOptions extends VerifyOptions {
  overwrite?: boolean;
  individualize?: boolean;
}

/** Await it, or go through its events; to leave the loop cancels it. */
export interface Operation extends PromiseLike<Outcome>, AsyncIterable<Event> {
  cancel(): void;
}

export class WmlbError extends Error {
  /** The result code's name in the Windows SDK, such as "NS_E_DRM_BACKUP_EXISTS". */
  code: string;
  hresult: number;
  /** Where the user may go to, of a restore that was refused with an address. */
  url?: string;
}

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** A place for backups in an object store; it needs libwmlb-remote. */
export class Bucket {
  /** url: s3://bucket/prefix?endpoint=https://host&region=name */
  constructor(url: string, options?: {
    /** Whose backups; else those of the device at work. */
    device?: string | null;
    /** One that generations() tells, to be read in place of the newest. */
    generation?: string | null;
    /** Else those of the environment, else of the shared credentials file. */
    credentials?: Credentials | null;
  });
  readonly url: string;
  readonly device: string | null;
  readonly generation: string | null;
}

/** A device that has backups in a bucket; null: its last backup cannot be told. */
export interface Device {
  name: string;
  generation: string | null;
  /** Unix seconds. */
  created: number | null;
  size: number | null;
  backups: number | null;
}

export interface Generation {
  name: string;
  /** Unix seconds. */
  created: number;
  size: number;
  /** Whether it is the one that restores find. */
  isNewest: boolean;
}

/** What was removed from a bucket: a backup, or what a killed one has left. */
export interface Removal {
  kind: 'generation' | 'unpublished' | 'upload' | '';
  name: string;
  /** Unix seconds. */
  created: number;
  size: number;
}

export interface RequestOptions {
  signal?: AbortSignal;
}

export interface ForgetOptions extends RequestOptions {
  dryRun?: boolean;
}

/** A folder, a bucket (or its address, s3://...), or a descriptor that is open. */
export type Place = string | number | Bucket;

export class Restorer {
  constructor(settings?: Settings);
  set(property: string, value: string | number): void;
  backup(to: Place, options?: BackupOptions): Operation;
  restore(from: Place, options?: RestoreOptions): Operation;
  verify(from: Place, options?: VerifyOptions): Operation;
  listStore(): Promise<License[]>;
  listBackup(from: Place): Promise<License[]>;
  devices(bucket: string | Bucket, options?: RequestOptions): Promise<Device[]>;
  generations(bucket: string | Bucket, options?: RequestOptions): Promise<Generation[]>;
  forgetInBucket(bucket: string | Bucket, options?: ForgetOptions): Promise<Removal[]>;
  cancel(): boolean;
  close(): Promise<void>;
}

export function backup(
  store: string | null, to: Place, options?: Settings & BackupOptions): Promise<Outcome>;
export function restore(
  store: string | null, from: Place, options?: Settings & RestoreOptions): Promise<Outcome>;
export function verify(from: Place, options?: Settings & VerifyOptions): Promise<Outcome>;
export function devices(bucket: string | Bucket, options?: RequestOptions): Promise<Device[]>;
export function generations(
  bucket: string | Bucket, options?: RequestOptions): Promise<Generation[]>;
export function forgetInBucket(
  bucket: string | Bucket, keep: string, options?: ForgetOptions): Promise<Removal[]>;
export function stores(): Promise<Store[]>;
