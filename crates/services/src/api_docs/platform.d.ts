interface PlatformRequest {
  readonly api_version: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  headers: { [name: string]: string };
  content: string;
  content_type: string;
  readonly uri: string | null;
  readonly service: string | null;
  readonly resource: string | null;
}

interface PlatformResponse {
  status_code: number;
  content_type: string | null;
  format: number;
  headers: { [name: string]: string | null };
}

/** What `content` has when the call failed. */
interface PlatformFailure {
  error?: { code: number | string; context: any; message: string; status_code: number };
}

interface PlatformEvent {
  readonly resource: any;
  readonly name: string;
  readonly stage: string;
  readonly script_name: string;
  stop_propagation: boolean;
  setReturn(value: any): void;
  setRequest(request: any): void;
  setResponse(content: any, status_code?: number, content_type?: string): void;
}

interface PlatformAnswer {
  status_code: number;
  content: any;
  content_type: string | null;
  format: number;
  headers: { [name: string]: string };
}

interface PlatformOptions {
  headers?: { [name: string]: string } | string[];
  parameters?: { [name: string]: any };
  [option: string]: any;
}

type PlatformCall = (path: string, payload?: any, options?: PlatformOptions) => PlatformAnswer;

interface Platform {
  readonly api: {
    get: PlatformCall;
    post: PlatformCall;
    put: PlatformCall;
    patch: PlatformCall;
    delete: PlatformCall;
    call(verb: string, path: string, payload?: any, options?: PlatformOptions): PlatformAnswer;
  };
  readonly session: {
    api_key: string | null;
    session_token: string | null;
    user?: {
      id: number;
      name: string;
      username: string | null;
      display_name: string | null;
      first_name: string | null;
      last_name: string | null;
      email: string;
      is_sys_admin: boolean;
      last_login_date: string | null;
      ldap_username: string | null;
    };
    app: { id: number | null };
    role?: { id: number; name: string; services: any[] };
    lookup: { [name: string]: string };
    requestor: number;
  };
  readonly config: { version: string; api_version: string; [name: string]: any };
}

declare const platform: Platform;
declare const console: { [level in "log" | "info" | "warn" | "error" | "debug"]: (...values: any[]) => void };
declare function print(...values: any[]): void;
declare function var_dump(...values: any[]): void;
declare function sleep(seconds: number): void;
declare function require(library: string): any;
