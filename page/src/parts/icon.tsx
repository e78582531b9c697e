// Shapes, drawn in the colour of the text beside them. They say nothing that the text does not.

export function Icon({ path, dashed }: { path: string; dashed?: boolean | undefined }) {
  return (
    <svg class={dashed ? "icon dashed" : "icon"} viewBox="0 0 16 16" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

export const COPY = "M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8z";
export const CHECK = "M3.5 8.5l3 3l6-7";
export const REFRESH = "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3";
export const SEARCH = "M7 2.8a4.2 4.2 0 1 1 0 8.4a4.2 4.2 0 1 1 0-8.4M10.2 10.2L13.5 13.5";
export const CLOSE = "M4.5 4.5l7 7m0-7l-7 7";
export const ARROW = "M8 12.5v-9M4.5 7L8 3.5L11.5 7";
export const CHEVRON = "M6 4l4 4l-4 4";
export const PIN = "M6 2.5h4l-.5 4l2 2.5h-7l2-2.5zM8 9v4.5";
export const SUN = "M8 5.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 1 1 0-5.6M8 1.5v1.2m0 10.6v1.2M1.5 8h1.2m10.6 0h1.2M3.4 3.4l.9.9m7.4 7.4l.9.9m0-9.2l-.9.9m-7.4 7.4l-.9.9";
export const MOON = "M13 9.5A5.5 5.5 0 1 1 6.5 3a4.5 4.5 0 0 0 6.500 6.500z";
export const AUTO = "M8 2.5a5.5 5.5 0 1 1 0 11a5.500 5.500 0 1 1 0-11zM8 2.5v11M8 5.500h4.500M8 8h5.400M8 10.500h4.500";
