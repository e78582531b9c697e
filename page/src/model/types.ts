// The answers of `GET /inventory` and `GET /compare`, as far as the page reads them. Whatever a host leaves out, the page does not show.

export type VerdictName =
  | "missing" | "drifted" | "untagged" | "unknown" | "outdated" | "in_sync" | "proxied" | "foreign" | "on_no_node";

export type State = "answered" | "stale" | "unreachable" | "denied" | "waiting" | "failed" | "off";

export interface Node {
  name: string;
  state: State;
  age_seconds?: number | null;
  images?: number;
  bytes?: number;
}

export interface Registry {
  url?: string | null;
  version?: string | null;
  state: State;
  age_seconds?: number | null;
}

export interface HarborSide {
  project: string;
  repository: string;
  digest?: string | null;
  bytes?: number | null;
  pushed_at?: string | null;
  pulled_at?: string | null;
  same_digest_tags?: string[];
}

export interface Image {
  /** What pulls it; the id of an image without a name. */
  reference: string;
  repository: string | null;
  tag: string | null;
  image_id?: string | null;
  digests: string[];
  bytes?: number | null;
  size?: string | null;
  pinned?: boolean;
  /** Folded as ClusterShell writes them, such as `gpu-[1-41,43]`. */
  nodes: string[];
  node_count: number;
  harbor?: HarborSide | null;
  verdicts: VerdictName[];
  /** Why it can't be told. */
  reason?: { code: string; message: string } | null;
  /** A newer tag of the same kind. */
  newer?: { tag: string; level: string } | null;
}

export interface SourceError {
  source: string;
  node?: string | null;
  repository?: string | null;
  code?: string | null;
  error: string;
}

export type Counts = Partial<Record<VerdictName, number>>;

export interface Inventory {
  generated_at: string;
  nodes: Node[];
  registry?: Registry | null;
  /** Rows that the whole query selects. */
  total: number;
  /** Rows by verdict that the query selects without its `verdict`. */
  counts: Counts;
  images: Image[];
  next?: string | null;
  errors: SourceError[];
}

/** Something that takes space: a repository, a verdict, a node, a project, a registry. */
export interface Share {
  name: string;
  bytes: number;
  images?: number | undefined;
  counts?: Counts;
}

/** Sums over the rows of a query. */
export interface Compare {
  repositories: Share[];
  /** The bytes of the repositories that are not named. */
  otherRepositories: number;
  verdicts: Share[];
  nodes: Share[];
  /** Null where the host does not add them up. */
  projects: Share[] | null;
  registries: Share[] | null;
  /** Whether projects and registries are those of the first rows only. */
  isPartial: boolean;
}

/** What the operator set for the page: `page-title`, `page-subtitle`, `page-labels`. */
export interface Settings {
  title: string;
  subtitle: string;
  labels: Record<string, string>;
}
