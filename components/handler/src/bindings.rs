//! What the handler imports. In a file of its own, as several modules use it.

wit_bindgen::generate!({
    path: "../../wit",
    world: "handler-imports",
    with: { "image-service:inventory/types@0.2.0": image_model::types },
    // While the handler waits for the nodes, other work goes on. Any other call is a plain call, which needs no task.
    async: ["import:image-service:inventory/node-images@0.2.0#images", "-all"],
    generate_all,
});
